/* What a row of the message table looks like to the codec. The rows themselves are generated. */

export type FieldType =
  | { t: 'u53' }
  | { t: 'uint'; max: number }
  | { t: 'bool' }
  | { t: 'cid' }
  | { t: 'str'; max: number }
  | { t: 'bin'; max: number }
  | { t: 'raw'; max: number }
  | { t: 'code' }
  | { t: 'list'; of: string; max: number };
