import { surfaceKillers } from './killers-of-surface.js';
import { describeHunts } from './testing/hunts.js';

describeHunts(surfaceKillers);
