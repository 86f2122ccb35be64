import { basename } from 'node:path';
import type { DatasetInfo } from '@tessera/spec';
import { exitCodes } from '../exit-code.js';
import { bytesText, countText } from '../format.js';
import { unreadable } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';
import { type Column, tableText } from '../table.js';

/** `tessera dataset add NAME FILE.npz` and `tessera dataset list`. */
export const addDataset: AddCommand = (program, action) => {
  const dataset = program
    .command('dataset')
    .summary('upload and list data sets')
    .description('Upload and list data sets.');
  dataset
    .command('add')
    .description(
      'Upload a data set: an .npz with x_train, y_train and, if there are test images, x_test, y_test.',
    )
    .argument('<name>', 'the name specs will use')
    .argument('<file>', 'the .npz file')
    .action(action(add));
  dataset.command('list').description('List data sets, newest first.').action(action(list));
  return dataset;
};

async function add(session: Session, [name, file]: string[]) {
  const { dataset, created } = await session.client
    .putDatasetFile(name as string, file as string)
    .catch((error) => {
      throw error instanceof Error && 'syscall' in error ? unreadable(file as string, error) : error;
    });
  session.show(dataset, () => {
    const what = created ? 'is there now' : 'was there already, the same bytes';
    return `${dataset.name} ${what}: ${imagesText(dataset)}, from ${basename(file as string)}.`;
  });
  return exitCodes.fine;
}

async function list(session: Session) {
  const items: DatasetInfo[] = [];
  for await (const dataset of session.client.datasets()) items.push(dataset);
  session.show(items, () => (items.length === 0 ? 'No data sets yet.' : tableText(columns, items)));
  return exitCodes.fine;
}

function shapeText({ shape }: DatasetInfo): string {
  return 'inputs' in shape
    ? `${shape.inputs} inputs`
    : `${shape.height} x ${shape.width} x ${shape.channels}`;
}

function imagesText(dataset: DatasetInfo): string {
  return `${countText(dataset.trainCount)} training and ${countText(dataset.testCount)} test images of ${shapeText(dataset)}`;
}

const columns: Column<DatasetInfo>[] = [
  { title: 'name', text: ({ name }) => name },
  { title: 'source', text: ({ source }) => source },
  { title: 'training', text: ({ trainCount }) => countText(trainCount), align: 'right' },
  { title: 'test', text: ({ testCount }) => countText(testCount), align: 'right' },
  { title: 'classes', text: ({ classes }) => countText(classes), align: 'right' },
  { title: 'shape', text: shapeText },
  { title: 'type', text: ({ dtype }) => dtype },
  { title: 'size', text: ({ bytes }) => bytesText(bytes), align: 'right' },
];
