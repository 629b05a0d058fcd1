import { Bytes } from './bytes';
import { badReply, hostCall, replyCborReader, requestCbor } from './call';
import { CborReader } from './cbor';
import { Problem } from './reader';

const key = new Bytes();

/** Items of an array that the host answered with, or that came in; good until the next host call or the handler's end. */
export class List {
  readonly reader: CborReader = new CborReader();
  left: i32 = 0;

  /** Asks for a reply of one array, `{name: […]}`. False when the host refused or its reply cannot be read. */
  ask(contract: Bytes, operation: Bytes, name: Bytes): bool {
    const request = requestCbor();
    request.map(0);
    this.left = 0;
    if (!hostCall(contract, operation, request)) return false;
    const answer = replyCborReader();
    let found = false;
    for (let pairs = answer.map(); pairs > 0 && !answer.problem; pairs--) {
      answer.text(key);
      if (key.equals(name)) {
        this.take(answer);
        found = this.reader.problem == Problem.None;
      } else answer.skip();
    }
    return (answer.finish() && found) || badReply();
  }

  /** Remembers the array that comes next in `from`, and steps over it. */
  take(from: CborReader): void {
    this.reader.at = from.at;
    this.reader.end = from.end;
    this.reader.problem = from.problem;
    this.left = this.reader.array();
    from.skip();
  }

  /** Whether there is one more item; `reader` stands before it. */
  next(): bool {
    if (this.left == 0 || this.reader.problem != Problem.None) return false;
    this.left--;
    return true;
  }
}
