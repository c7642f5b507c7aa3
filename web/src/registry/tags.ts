const key = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,127}$/;

/** What is wrong with a tag, by the server's rule (reflect::TagKey), if anything. */
export const checkTag = (name: string, value: string) =>
  !key.test(name)
    ? `${name}: letters, digits, - _ . or /, beginning with a letter or digit.`
    : value.length > 512
      ? `${name}: at most 512 characters.`
      : undefined;
