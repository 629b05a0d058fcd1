/** CRC-16 of Modbus, low byte first, as section 6.2.2 of the serial line specification has it. */
export function withCrc(body: readonly number[]): Buffer {
  let crc = 0xffff;
  for (const byte of body) {
    crc ^= byte;
    for (let shift = 0; shift < 8; shift++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return Buffer.from([...body, crc & 0xff, crc >> 8]);
}

/** Devices on one bus: registers and coils by `unit/address`, missing ones are an illegal address. */
export class ModbusSlave {
  readonly registers = new Map<string, number>();
  readonly coils = new Map<string, boolean>();

  /** The answer to a request; `undefined` for none: of a unit that is not there, or for what is no request. */
  answer(request: Uint8Array): Buffer | undefined {
    const [unit = 0, code = 0, ...rest] = request.subarray(0, -2);
    const address = (rest[0]! << 8) | rest[1]!;
    const word = (rest[2]! << 8) | rest[3]!;
    if (!withCrc([unit, code, ...rest]).equals(request)) throw new Error('a request with a wrong CRC');
    const known = [...this.registers.keys(), ...this.coils.keys()].some((key) => key.startsWith(`${unit}/`));
    if (!known) return undefined;
    const at = (offset = 0) => `${unit}/${address + offset}`;
    const refused = withCrc([unit, code | 0x80, 2]);
    if (code === 1 || code === 2) {
      const coil = this.coils.get(at());
      return coil === undefined ? refused : withCrc([unit, code, 1, coil ? 1 : 0]);
    }
    if (code === 3 || code === 4) {
      const words = Array.from({ length: word }, (_, offset) => this.registers.get(at(offset)));
      if (words.includes(undefined)) return refused;
      return withCrc([unit, code, word * 2, ...words.flatMap((value) => [value! >> 8, value! & 0xff])]);
    }
    if (code === 5) this.coils.set(at(), word === 0xff00);
    else if (code === 6) this.registers.set(at(), word);
    else if (code === 16) {
      for (let n = 0; n < word; n++) this.registers.set(at(n), (rest[5 + 2 * n]! << 8) | rest[6 + 2 * n]!);
      return withCrc([unit, code, ...rest.slice(0, 4)]);
    } else return withCrc([unit, code | 0x80, 1]);
    return withCrc([unit, code, ...rest]);
  }
}
