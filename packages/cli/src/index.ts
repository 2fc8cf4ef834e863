/** The parts of the command line that others build upon: its documentation. The command itself is `main.ts`. */
export { type ExitName, exitCodes } from './exit-codes.ts';
export { renderCliReference } from './reference.ts';
