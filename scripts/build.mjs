/** `npm run build`: everything `npm start` does before it starts. */
import { bootstrap } from './bootstrap.mjs';

try {
  await bootstrap();
} catch (error) {
  console.error(error.name === 'StartError' ? error.message : error);
  process.exit(1);
}
