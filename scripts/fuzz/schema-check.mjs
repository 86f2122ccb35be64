/** Whether an answer is one that the OpenAPI document describes: its status, its type, and its body by the schema. */
import Ajv2020 from 'ajv/dist/2020.js';

/** @param {object} document the OpenAPI document, version 3.1 */
export function answerChecker(document) {
  const ajv = new Ajv2020.default({ strict: false, validateFormats: false, allErrors: false });
  ajv.addSchema(document, 'openapi');
  const known = new Map();

  /** @returns {string | null} what is wrong */
  return (path, method, { status, type, text }) => {
    const operation = document.paths[path]?.[method.toLowerCase()];
    const response = operation?.responses[status] ?? operation?.responses.default;
    if (!response) return `the status ${status} is not in the document`;
    if (status === 204 || status === 304) {
      if (response.content) return `the document has a body for ${status}`;
      return text === '' ? null : 'a body where there is none';
    }
    const media = type.split(';')[0].trim();
    const content = response.content ?? {};
    if (!(media in content)) return `the type ${media} is not in the document`;
    if (!/json/.test(media)) return null;
    const escaped = (part) => part.replaceAll('~', '~0').replaceAll('/', '~1');
    const pointer = ['paths', path, method.toLowerCase(), 'responses', status, 'content', media, 'schema']
      .map((part) => encodeURIComponent(escaped(String(part))))
      .join('/');
    if (!known.has(pointer)) known.set(pointer, ajv.compile({ $ref: `openapi#/${pointer}` }));
    const validate = known.get(pointer);
    if (validate(JSON.parse(text))) return null;
    return ajv.errorsText(validate.errors);
  };
}
