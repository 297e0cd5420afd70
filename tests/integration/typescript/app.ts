// An app as its author would write it in TypeScript: what must be allowed, and what must not.

import { type Client, type Rejection, createClient } from './qunli.js';

const client: Client = createClient({
  url: 'https://ingest.example',
  storeId: 'sh-001',
  memberId: 'm-42',
  getToken: async () => ({ token: 'eyJ...', expiresIn: 900 }),
  onRejected: (event, why: Rejection) => console.log(event.id, why.code),
});
const id: string | null = client.track('check_in', { method: 'qr' });
client.message({ kind: 'text', text: '早上好' });
export const sent: Promise<boolean> = client.onHide();
export const waiting: number = client.stats().waiting;

// @ts-expect-error purchases are the tills'
client.track('purchase', {});
// @ts-expect-error no such method
client.checkIn({ method: 'teleport' });
// @ts-expect-error a client needs a member
createClient({ url: 'https://ingest.example', storeId: 'sh-001', getToken: () => 'eyJ...' });
console.log(id);
