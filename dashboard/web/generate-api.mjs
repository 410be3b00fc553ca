// Generates src/api/schema.d.ts, the TypeScript types of the stats API, from ../openapi.json.
// With --check it writes nothing and fails if the file is not current.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const SOURCE = fileURLToPath(new URL('../openapi.json', import.meta.url))
const COMMENT_CHARACTERS_MAX = 100
const TARGET = fileURLToPath(new URL('src/api/schema.d.ts', import.meta.url))

/** The TypeScript type of an OpenAPI schema. */
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').at(-1)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.oneOf) return schema.oneOf.map(typeOf).join(' | ')
  return [schema.type]
    .flat()
    .map((type) => typeNamed(type, schema))
    .join(' | ')
}

function typeNamed(type, schema) {
  switch (type) {
    case 'integer':
      return 'number'
    case 'number':
    case 'string':
    case 'boolean':
    case 'null':
      return type
    case 'array':
      return arrayOf(schema)
    case 'object':
      return objectOf(schema)
    default:
      throw new Error(`no TypeScript type is known for ${JSON.stringify(schema)}`)
  }
}

function arrayOf({ items, prefixItems, minItems, maxItems }) {
  if (prefixItems) return `[${prefixItems.map(typeOf).join(', ')}]`
  if (minItems > 1 && minItems === maxItems) return `[${Array(minItems).fill(typeOf(items)).join(', ')}]`
  return `(${typeOf(items)})[]`
}

function objectOf({ properties, required = [], additionalProperties, propertyNames }) {
  if (properties) {
    const fields = Object.entries(properties).map(
      ([name, schema]) => `${comment(schema)}${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
    )
    return `{ ${fields.join('\n')} }`
  }
  if (!additionalProperties) return 'Record<string, unknown>'
  return `Partial<Record<${typeOf(propertyNames ?? { type: 'string' })}, ${typeOf(additionalProperties)}>>`
}

/** A comment of lines that are short enough. */
function comment({ description }) {
  if (!description) return ''
  const lines = ['']
  for (const word of description.split(/\s+/)) {
    if (lines.at(-1).length + word.length > COMMENT_CHARACTERS_MAX) lines.push('')
    lines.push(`${lines.pop()} ${word}`.trim())
  }
  return lines.length === 1 ? `/** ${lines[0]} */\n` : `/**\n * ${lines.join('\n * ')}\n */\n`
}

const { components } = JSON.parse(await readFile(SOURCE, 'utf8'))
const types = Object.entries(components.schemas).map(
  ([name, schema]) => `${comment(schema)}export type ${name} = ${typeOf(schema)}\n`,
)
const head = '// Generated from dashboard/openapi.json by `npm run api -w dashboard/web`. Do not edit.\n\n'
const current = await format(head + types.join('\n'), { ...(await resolveConfig(TARGET)), parser: 'typescript' })

if (process.argv.includes('--check')) {
  const committed = await readFile(TARGET, 'utf8').catch(() => '')
  if (committed !== current) {
    console.error('src/api/schema.d.ts is not current: run `npm run api -w dashboard/web`, and commit it')
    process.exitCode = 1
  }
} else {
  await writeFile(TARGET, current)
}
