import { readText } from './compose-file.js';

export interface Instruction {
  name: string;
  text: string;
}

export interface Stage {
  name: string;
  /** The stage or image it begins with. */
  from: string;
  instructions: Instruction[];
}

/** Stages of a Dockerfile, by name. @throws Error for two stages of one name, or one without a name */
export function readStages(dockerfile: string): Map<string, Stage> {
  const lines = dockerfile.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const joined = lines.join('\n').replaceAll(/\\\n\s*/g, ' ');
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const line of joined.split('\n')) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [, from = '', as = ''] = /^(\S+) AS (\S+)$/.exec(text) ?? [];
      if (as === '' || stages.has(as)) throw new Error(`"${line}" must name a new stage.`);
      stage = { name: as, from, instructions: [] };
      stages.set(as, stage);
    } else if (stage === undefined || name === '') {
      throw new Error(`"${line}" is no instruction of a stage.`);
    } else {
      stage.instructions.push({ name, text });
    }
  }
  return stages;
}

export async function readDockerfile(): Promise<Map<string, Stage>> {
  return readStages(await readText('infra/docker/Dockerfile'));
}

/** Every instruction that makes up the image of a stage, its base's first. */
export function inheritedInstructions(stages: Map<string, Stage>, name: string): Instruction[] {
  const stage = stages.get(name);
  return stage === undefined ? [] : [...inheritedInstructions(stages, stage.from), ...stage.instructions];
}

/** Text of the last instruction of this name, the one that counts. */
export function lastInstruction(instructions: Instruction[], name: string): string | undefined {
  return instructions.findLast((instruction) => instruction.name === name)?.text;
}

/** What ENV sets: `NAME=value` words without blanks. */
export function imageEnvironment(instructions: Instruction[]): Record<string, string> {
  const words = instructions.filter(({ name }) => name === 'ENV').flatMap(({ text }) => text.split(/\s+/));
  return Object.fromEntries(
    words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
}
