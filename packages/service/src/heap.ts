import { setFlagsFromString } from 'node:v8';

/**
 * Up to this many training images a process's garbage is small change. At 2,048 a matrix has 32 MiB; that of 10,000 images
 * has 800 MB, of which not one may wait for a collection longer than V8 thinks right.
 */
const mostImages = 2048;

/**
 * Lets garbage grow to three times what lives before the old generation is collected, the most that V8 grants by its own
 * judgement. Arrays of numbers count as heap although nothing in them is looked at: in a worker or aggregator with tens of
 * MiB alive, tasks of small matrices would else run a collection, 50 to 100 ms of a core, for every few of them.
 * @param trainImages of the experiment at hand, 0 where a process holds no matrices
 */
export function tuneHeap(trainImages: number): void {
  setFlagsFromString(`--heap-growing-percent=${trainImages <= mostImages ? 300 : 0}`);
}
