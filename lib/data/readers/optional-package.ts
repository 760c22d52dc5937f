import { GrusError } from '../../errors.js'

/** What `load` imports, or one line that says what to install. */
export async function optionalPackage<Package>(where: string, path: string, name: string, load: () => Promise<Package>): Promise<Package> {
  try {
    return await load()
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' ? '' : ` (${(cause as Error).message})`
    const message = `[${where}] ${path}: reading this format needs the package ${name}; run: npm install ${name}${reason}`
    throw new GrusError('UNSUPPORTED', message, { cause })
  }
}
