// The points that the documentation of cuDNN leaves open, by the numbers that cudnn_probe gives them, and what the engine assumes of the
// answers. A question that no assumption is about is noted: whatever its answer, the engine does right. Point 8.1, results beside the CPU
// engine, is what test/gpu/parity.test.ts measures; 8.3, one bias vector and projections, is about what the engine does not use.

export const points = [
  ['8.2', 'where weights and biases lie in the weight space'],
  ['8.4', 'rows without a step: the engine never gives cuDNN one'],
  ['8.5', 'what stands in padding: the engine masks it before and after'],
  ['8.6', 'addresses that are not aligned: those of the engine are multiples of 256'],
  ['8.7', 'more than 65,535 steps or rows'],
  ['8.8', 'the order of calls: the engine keeps to forward, data, weights, once each, added onto zeros'],
  ['8.9', 'which sizes and types each algorithm takes, and whether its numbers are right'],
  ['8.10', 'how cuDNN refuses what is wrong'],
  ['8.11', 'how much memory it wants, and a state that is not given'],
  ['8.12', 'the same bits again'],
  ['8.13', 'capture into a CUDA graph'],
  ['8.14', 'which libraries it loads'],
  ['8.15', 'which habits cost time'],
]

const good = (answer) => answer === 'success'
const isObject = (answer) => typeof answer === 'object' && answer !== null && !Array.isArray(answer)
const places = (answer) => [answer['matrices at'], answer['biases at']].flatMap((all) => (Array.isArray(all) ? all : [undefined]))
const apart = ({ computed }) => (isObject(computed) ? Object.values(computed).map((shape) => shape?.apart) : [undefined])
// as tensors' largest values, the gradients' among them
const most = { float32: 1e-3, tf32: 5e-2, float16: 5e-2, bfloat16: 2e-1 }

/** @type {{ point: string, question: RegExp, assumes: string, holds: (answer: any, match: RegExpExecArray) => boolean }[]} */
const assumptions = [
  {
    point: '8.2',
    question: /^weights(:| without bias)/,
    assumes: 'every gate lies at a whole number of values',
    holds: (answer) => isObject(answer) && places(answer).every((at) => Number.isInteger(at) || at === 'none'),
  },
  {
    point: '8.7',
    question: /^65535 steps/,
    assumes: 'it computes them: longer sequences are cut there',
    holds: (answer) => isObject(answer) && good(answer.training) && good(answer.inference),
  },
  { point: '8.7', question: /^\d+ rows with STANDARD/, assumes: 'it computes them', holds: good },
  {
    point: '8.9',
    question: /^(?:STANDARD|SMALL_H|PERSIST_STATIC|PERSIST_DYNAMIC), (\w+), (?:training|inference)$/,
    assumes: 'what is not refused is what STANDARD computes in float32, but for rounding',
    holds: (answer, [, precision]) => isObject(answer) && apart(answer).every((part) => part <= most[precision]),
  },
  { point: '8.10', question: /^hx, hy, dhy, dhx are null/, assumes: 'it does without', holds: good },
  { point: '8.11', question: /^hx null or zeros/, assumes: 'they are the same', holds: (answer) => answer === true },
  {
    point: '8.12',
    question: /^the same bits from run to run/,
    assumes: 'no run differs',
    holds: (answer) => isObject(answer) && answer['runs that differ, of 10'] === 0,
  },
  {
    point: '8.12',
    question: /^the same bits on two streams/,
    assumes: 'two models at once do not disturb each other',
    holds: (answer) => isObject(answer) && answer['streams are two'] === true && answer['results that differ, of 20'] === 0,
  },
  {
    point: '8.13',
    question: /^the three calls captured after a warm-up/,
    assumes: 'a replay gives the bits of plain calls',
    holds: (answer, { input }) => {
      if (isObject(answer)) return good(answer.outcome) && answer['same bits as plain calls'] === true
      return /SMALL_H|PERSIST/.test(input) && / 30\d\d /.test(String(answer)) // an algorithm that is refused has nothing to capture
    },
  },
]

/** A group of questions that ended before its last one says so in an answer. */
const isEnd = (question) => question.startsWith('the rest of ')

/** @returns {{ point: string, question: string, answer: unknown, verdict: string, assumes?: string }} */
function judgeAnswer({ point, question, answer }) {
  if (isEnd(question)) return { point, question, answer, verdict: 'not answered' }
  for (const assumption of assumptions) {
    const match = assumption.point === point ? assumption.question.exec(question) : null
    if (!match) continue
    return { point, question, answer, verdict: assumption.holds(answer, match) ? 'as assumed' : 'otherwise', assumes: assumption.assumes }
  }
  return { point, question, answer, verdict: 'noted' }
}

/** Every point with its questions: `state` is 'answered', 'in part' or 'not asked'. */
export function judgePoints(answers) {
  const judged = answers.map(judgeAnswer)
  return points.map(([point, about]) => {
    const questions = judged.filter((one) => one.point === point)
    const state =
      questions.length === 0 ? 'not asked' : questions.some(({ verdict }) => verdict === 'not answered') ? 'in part' : 'answered'
    return { point, about, state, questions }
  })
}
