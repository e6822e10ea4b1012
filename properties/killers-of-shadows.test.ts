import { shadowKillers } from './killers-of-shadows.js';
import { describeHunts } from './testing/hunts.js';

describeHunts(shadowKillers);
