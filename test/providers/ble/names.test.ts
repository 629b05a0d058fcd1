import { describe, expect, it } from 'vitest';
import { names, peripheralId, shortUuid } from '#runtime/providers/iot-ble/names.js';

describe('names of Bluetooth', () => {
  it('writes each UUID in one way', () => {
    expect(shortUuid('180D')).toBe('180d');
    expect(shortUuid('0000180d')).toBe('180d');
    expect(shortUuid('0000180D-0000-1000-8000-00805F9B34FB')).toBe('180d');
    expect(shortUuid('1234180D-0000-1000-8000-00805F9B34FB')).toBe('1234180d');
    expect(shortUuid('6E400001-B5A3-F393-E0A9-E50E24DCCA9E')).toBe('6e400001b5a3f393e0a9e50e24dcca9e');
  });

  it('takes an address for an id', () => {
    expect(peripheralId('A4:C1:38:00:00:01')).toBe('a4c138000001');
    expect(peripheralId('A4C138000001')).toBe('a4c138000001');
    expect(peripheralId('Something')).toBe('Something');
  });

  it('compares names with names and addresses with addresses', () => {
    const address = 'a4:c1:38:00:00:01';
    expect(names('*', address, undefined)).toBe(true);
    expect(names('A4:C1:38:00:00:01', address, undefined)).toBe(true);
    expect(names('a4:c1:38:*', address, undefined)).toBe(true);
    expect(names('a4:c1:38:1*', address, undefined)).toBe(false);
    expect(names('thermo', address, 'thermo')).toBe(true);
    expect(names('therm*', address, 'thermo')).toBe(true);
    expect(names('therm', address, 'thermo')).toBe(false);
    expect(names('Thermo', address, 'thermo')).toBe(false);
    expect(names('thermo', address, undefined)).toBe(false);
    // Whoever calls himself like another's address gets nothing by it.
    expect(names('a4:c1:38:00:00:01', 'ee:ee:ee:ee:ee:ee', 'a4:c1:38:00:00:01')).toBe(false);
    expect(names('a4:c1:38:*', 'ee:ee:ee:ee:ee:ee', 'a4:c1:38:00:00:01')).toBe(false);
  });
});
