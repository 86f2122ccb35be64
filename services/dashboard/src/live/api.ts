/** The one client of the page's own server. */
import { TesseraClient } from '@tessera/client';

export const api = new TesseraClient(window.location.origin);
