import { controlKillers } from './killers-of-control.js';
import { describeHunts } from './testing/hunts.js';

describeHunts(controlKillers);
