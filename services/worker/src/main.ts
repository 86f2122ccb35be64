import { loadSettings } from '@tessera/config';
import { openDatabase } from '@tessera/database';
import { openNativeEngine } from '@tessera/engine-native';
import { OpenedExperiments } from '@tessera/experiment';
import { openLinalg } from '@tessera/linalg';
import { serveTasks } from '@tessera/runner';
import { openFolderStore } from '@tessera/store';
