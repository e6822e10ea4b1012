import { parentPort } from 'node:worker_threads';
import { V86Peer } from './v86-peer.js';

/** Answers each message with one round of v86's loops; first of all, with one that it is ready. */
if (parentPort === null) throw new Error('this is a worker');
const port = parentPort;
const peer = await V86Peer.start();
port.on('message', () => {
  void peer.round().then((times) => {
    port.postMessage(times);
  });
});
port.postMessage(await peer.round());
