/** The one suite that every engine passes. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Engine } from '../engine.js';
import type { Golden } from '../goldens/load-goldens.js';
import { type GoldenCut, goldenTests } from './golden-tests.js';
import { lifetimeTests } from './lifetime-tests.js';
import { oracleTests } from './oracle-tests.js';
import { tilingTests } from './tiling-tests.js';

export interface ConformanceOptions {
  goldens: readonly Golden[];
  /** Which golden cases to cut to their first images, for engines too slow for all of them; the first that applies. */
  cuts?: readonly GoldenCut[];
  /** Sizes of tiles whose bits are compared with the untiled matrix's; fewer for engines that take long for a small tile. */
  tileSizes?: readonly number[];
  /** Images of 32 x 32 pixels whose pooled tile of 100 layers runs for half a second at least; more for engines on cards. */
  longTileImages?: number;
}

/**
 * Describes the conformance tests of an engine; call it at the top level of a vitest file.
 * The engine is made once and closed at the end.
 */
export function conformanceSuite(name: string, makeEngine: () => Engine, options: ConformanceOptions): void {
  describe(`conformance of ${name}`, () => {
    const engine = makeEngine();
    afterAll(() => engine.close());

    it('says what it is', () => {
      const { info } = engine;
      expect(info.name).not.toBe('');
      expect(info.fingerprint).toContain(info.name);
      expect(info.precisions.length).toBeGreaterThan(0);
    });
    if (options.goldens.length > 0) goldenTests(engine, options.goldens, options.cuts ?? []);
    if (engine.info.name !== 'oracle') oracleTests(engine);
    tilingTests(engine, options.tileSizes ?? [1, 3, 7, 64]);
    lifetimeTests(engine, options.longTileImages ?? 6);
  });
}
