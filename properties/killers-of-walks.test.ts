import { walkKillers } from './killers-of-walks.js';
import { describeHunts } from './testing/hunts.js';

describeHunts(walkKillers);
