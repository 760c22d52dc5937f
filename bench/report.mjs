export const toReport = (run) => `${run.results.length} rows`
