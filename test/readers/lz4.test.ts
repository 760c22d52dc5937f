import { describe, expect, test } from 'vitest'
import { inflateLz4Frame } from '../../lib/data/readers/lz4.js'
import { mutations } from '../support/mutations.js'

const most = 2 ** 20
const text = Array.from({ length: 400 }, (_, i) => `row ${i % 17},${(i * i) % 1000};`).join('')
/** That text by the program lz4 (-9 -BD --no-frame-crc). */
const frame = Buffer.from(
  'BCJNGGBAgvoGAACAcm93IDAsMDsIADExLDEIADEyLDQIADEzLDkIAEE0LDE2CQBBNSwyNQkAMjYsMxIAMjcsNCQAMjgsNjUAMjksOEYAUzEwLDEwWQBDMSwxMhYAQjIsMTQqAFIxMywxNj4AUjE0LDE5UgBDMTUsMmYAUjE2LDI1FgBDMCwyOCsAQywzMjSnADMzNjGpABM0agBTNCw0NDGsADM0ODStADM1MjmuADQ1NzavAANlAFQ5LDY3NrEANDcyObEANDc4NLEANDg0MbEAFDnSAFU0LDk2MbEAFDSwAAOlADMwLDG5ABUxzgAzMiwy4wBVMywzNjmvABM0rwATNSIBMzYsNmUAMzcsNkwBNjgsN18BJDQ5rwA0OTM2rwAlMjVfASQxNq4AJTIwXwE0MzA0rgA0NDAxrwATNWoANDAsNhUANCw3MF8BNDgwOQgCA1QAFDRoADM1LDF8AEQ2LDI0XgETM6UAMzgsNLkAFTnNAAFeARQxrwAlODReATU5NjleARQ2rwAFAwI0NSwzSgE1Niw0XwEUNnMBNCw3NrUCBJwBRDMsNDG4AhQ4XgETM9oBMzYsNO8BFTcDAjM4LDcUAEU5LDkyXgElODRdARU0vQIEaQJEMTMsNQECRTQsNzJeATU4ODleAQW8AgTOACMsM+MARDIsNTZdARM3DAEzNCw5IQEVNToDVDYsMjgxagMFXgE0NjQ5DQIVM7wCJTI1rwAmMTavAAVdARQ2AgJFNCw4MLsCFTBqAwMUADQwLDQpAEQsNjA5CwIUMbsCJDI1CgIkMzZpAxQ0XAETNqMANTcsOLoCBMsARTksMzIaBCU1NF0BNTc2OQsCFjm7AgTPAEU0LDQ1GgQWNl0BNDkyNGsDBIgBBZ0BRDIsNjQaBCQ4OF4BNDEyOQ0CA+8BFTYDAjU3LDgaBAQoADQ5LDMDAhUwUQAmMTEEBBYyewBFMyw0Ml8BBaYANjUsOb0CBNIANDAsNOcABfwAIzIsEAEVMyUBFTQ6AxU1TQE1NiwxYQEVNHkFJDczvQIENAE0MCwzAwIGxQEAYAEmMDQbBAW9AgQFBAC9AgYbBBMxLAAWMEQCNCw3Mb4CJDI1rwADfQAVNJUCXTUsOTY0vQIEzQAVOOUCRTksMjRfAQQOAwAbBBU5vgIFBQI0Myw1SQEWNGIDACoGFjRtAwTAAgWgAQW4A0UyLDU40wYkMjnBAhQ3wQIVNtcGFTkdBCUzMtkGFDh7BRU0wAIFBwQGgQQADwIVMmABBKsEALAAHzXaBgETNecAFjABBTQsMzR7BQQrBTYzLDHaBiQ4MRACLTY0fAUkNjPAAgXZBiU0MR0EJTgwYAElMjB7BQX1BRQzCAQWNB4GAA4CFjQeBAV6BRUx2QYE2AYTNHsAFTOcBjM0LDKjABQ1xAYAvQIF2AYE7AZEOCw5NF0BJTM2egUmNznYBgbZBiU2NR4EBl0BFjV6BQWRBxU2nwEWMLwHNiwyOF0BBHsFJTE3vgIF2QYtNzY2CCU5ONgGFDS9AhY52AYmMzbYBhUyXQEFsQhPMyw3NdkGATU2OTZtAxU2XwEEFAMFMgkVMjwDFDNbCTU0LDVfAQV8BRU1kwkF1wYlNTHXBgVpAxUweQUFtwIWNdQGBxUEBlgBBbMCA08ABmwGBXUAFDKIABUzmwAlNCywAhU2zgYlMTIRBBQ0VAEE/QAWORIBBzMHFjE+AQlUARY4cAUWM4oJBZYBFTarARUwvwEVMdMBFDLmARUz+QEVNA0CFTUhAhU2NQIVN0kCFThdAhY5cgIWMIgCAMEEDrICCNAGFjfqCiYzNtAGFDRwBQQdAzYxLDHQBhQ4EAQWMl8BBXEFFjSMCQTPBiU2MQ8EFTAtCCYwNMAEBbMCHzAOBAAYMiwIBW4FJjQxzQYEzAYlNjMPBBU0LQgUNm0FFTSxAgTLABU12wQVNu8EFTcDBRU4FwUWOTIBFjBCBRYxWAUJbgUFhAUWNJoFFTWvBRU2wwUVMNcFFTHrBRUyAwIVMxMGFTQnBhU1OwYVNk8GFTdnAhU4dwYWOYwGFjCiBhYxuAYJzgYWOOoKJjU2zgYmNDTeCAS9AhY2zgYVOOoKBWEBFTZxBS0zM6QNJTcxpQ0lMDmOCQVIDBYwvQIGzgYFGAgJLggXNkkMFjHOBgXNBgSDCBUwlwgVMasIFTK/CBUzzQAVNOcIFDX6CBU2DQkVNyEJFTg0ARY5SgkWMGAJFjF2CQmMCQemDQW4CRY1zgkVNuMJFTD3CRUxBgIVMh8KFTMoABU0RwoVNVIABmYGFTd8ABU4lwoWOaYAFjDCCgnQBgfuCiY3NtEGBAUCFjUwCwY7BxUwTQEVMW0LFTJ1ARUzlQsHqQ0lODHtChUwYQED2wFgOCwyMDE7AAAAAA==',
  'base64',
)

describe('LZ4 frames', () => {
  test("the reference program's come back", () => {
    expect(Buffer.from(inflateLz4Frame(frame, most)).toString()).toBe(text)
  })

  test('a stored block, a copy that runs into itself, no block', () => {
    const head = [4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0]
    const end = [0, 0, 0, 0]
    expect([...inflateLz4Frame(Uint8Array.of(...head, 3, 0, 0, 0x80, 7, 8, 9, ...end), most)]).toEqual([7, 8, 9])
    // one literal, then 300 copies of it: 4 + 15 + 255 + 26
    const run = [0x1f, 5, 1, 0, 255, 26, 0]
    expect([...inflateLz4Frame(Uint8Array.of(...head, run.length, 0, 0, 0, ...run, ...end), most)]).toEqual(Array(301).fill(5))
    expect(inflateLz4Frame(Uint8Array.of(...head, ...end), most).length).toBe(0)
    expect(() => inflateLz4Frame(Uint8Array.of(...head, run.length, 0, 0, 0, ...run, ...end), 300)).toThrow('more than 300')
  })

  test('damaged ones come out as something, or throw a RangeError', () => {
    let [whole, refused] = [0, 0]
    for (const damaged of mutations(frame, 10_000, 6)) {
      try {
        expect(inflateLz4Frame(damaged, most).length).toBeLessThanOrEqual(most)
        whole++
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        refused++
      }
    }
    expect(Math.min(whole, refused)).toBeGreaterThan(100)
    for (let length = 0; length < frame.length; length++) expect(() => inflateLz4Frame(frame.subarray(0, length), most)).toThrow(RangeError)
  })
})
