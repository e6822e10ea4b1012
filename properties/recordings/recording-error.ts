/** A recording that cannot be read: which file, where in it, and what is wrong there. */
export class RecordingError extends Error {
  readonly file: string;
  /** A JSON path such as `$.traces[3].steps[17].gfn`, or `line 4, column 9`. */
  readonly where: string;

  constructor(file: string, where: string, what: string) {
    super(`${file}: ${where}: ${what}`);
    this.name = 'RecordingError';
    this.file = file;
    this.where = where;
  }
}
