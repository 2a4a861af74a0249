import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDockerfile } from '../../../bin/admin/images-dockerfile.ts';

const given = new Map([
  ['REGISTRY', 'r.example.org'],
  ['PREFIX', 'toolforge'],
  ['TAG', 'testing'],
]);
const read = (...lines: string[]) => readDockerfile(lines.join('\n'), given);
const bases = (...lines: string[]) => read(...lines).bases.map(({ line, reference }) => `${line} ${reference}`);
const problems = (...lines: string[]) => read(...lines).problems.map(({ line, rule }) => `${line} ${rule}`);

describe('what a Dockerfile builds on', () => {
  it.each<[string, string[], string[]]>([
    ['an image', ['FROM debian:trixie'], ['1 debian:trixie']],
    ['an image whatever the case of the word', ['from debian'], ['1 debian']],
    ['nothing', ['FROM scratch'], []],
    ['an image for another platform', ['FROM --platform=linux/amd64 debian AS one'], ['1 debian']],
    [
      'an image of its tree',
      ['ARG REGISTRY PREFIX', 'ARG TAG', `FROM \${REGISTRY}/$PREFIX-base:\${TAG}`],
      ['3 r.example.org/toolforge-base:testing'],
    ],
    ['what an argument says when nothing is given', ['ARG D=debian', 'FROM $D'], ['2 debian']],
    ['what is given rather than the default', ['ARG TAG=latest', 'FROM debian:$TAG'], ['2 debian:testing']],
    ['a default in quotes', ['ARG D="debian"', `FROM \${D}`], ['2 debian']],
    ['a default made of another argument', ['ARG TAG', `ARG D=debian:\${TAG}`, 'FROM $D'], ['3 debian:testing']],
    ['a word for a missing value', ['ARG D', `FROM \${D:-debian}:\${TAG-x}`], ['2 debian:x']],
    ['a word for a value that is there', ['ARG TAG', `FROM debian\${TAG:+:slim}`], ['2 debian:slim']],
    [
      'every stage, and none of them twice over',
      ['FROM a AS one', 'FROM b', 'FROM One', 'COPY --from=0 /x /x'],
      ['1 a', '2 b'],
    ],
    [
      'files of another image',
      ['FROM scratch', 'COPY --chown=1 --from=b:1 /x /x', 'COPY --from=7 / /'],
      ['2 b:1', '3 7'],
    ],
    [
      'mounts of another image',
      ['FROM scratch', 'RUN --mount=type=bind,from=b,target=/b --mount=type=cache,target=/c true'],
      ['2 b'],
    ],
    ['what images that build on it will need', ['FROM scratch', 'ONBUILD COPY --from=b / /'], ['2 b']],
    ['an instruction over several lines', ['FROM \\', '# why', '', '  debian'], ['1 debian']],
    ['another sign for a line that goes on', ['# escape=`', 'FROM `', 'debian'], ['2 debian']],
    [
      'nothing that only a here-document names',
      ['FROM a', 'RUN <<E cat && cat <<-"F"', 'FROM b', 'E', 'FROM c', '\tF', 'FROM d'],
      ['1 a', '7 d'],
    ],
    [
      'nothing that only a command or comment names',
      ['FROM a', 'RUN echo --from=b \\', '  FROM c', '# FROM d'],
      ['1 a'],
    ],
    ['lines that end as on other systems', ['\uFEFFFROM a\r', 'FROM b\r'], ['1 a', '2 b']],
  ])('is %s', (_, lines, expected) => {
    expect(problems(...lines)).toEqual([]);
    expect(bases(...lines)).toEqual(expected);
  });

  it('does not take an argument that is declared after the first stage', () => {
    expect(problems('FROM a', 'ARG TAG', 'FROM b:$TAG')).toEqual(['3 no ARG before it declares TAG']);
  });

  it('tells which arguments are declared, in a stage as well', () => {
    expect([...read('ARG TAG', 'FROM a', 'ARG ONE=1 TWO').declared]).toEqual(['TAG', 'ONE', 'TWO']);
  });

  it.each<[string[], string[]]>([
    [[''], ['1 there is no FROM']],
    [['ARG D', 'FROM $D'], ['2 the argument D has no value']],
    [[`FROM \${X}`], ['1 no ARG before it declares X']],
    [['ARG D=', 'FROM $D'], ['2 FROM names no image']],
    [['FROM a as'], ['1 FROM must be `FROM IMAGE` or `FROM IMAGE AS STAGE`']],
    [['FROM'], ['1 FROM must be `FROM IMAGE` or `FROM IMAGE AS STAGE`']],
    [['RUN true', 'FROM a'], ['1 RUN stands before the first FROM']],
    [['FROM a', '', '=x y'], ['3 the line begins with no instruction']],
    [['FROM a', 'RUN <<E', 'x'], ['2 the here-document E has no end']],
    [
      ['FROM a', 'COPY --from=$X / /'],
      ["2 'from=$X' takes no variable: name the image in a FROM of its own, AS a stage"],
    ],
  ])('is not guessed at where it is not clear: %j', (lines, expected) => {
    expect(problems(...lines)).toEqual(expected);
  });

  it('is read of anything, in the end', () => {
    const words = fc.constantFrom(
      'FROM',
      'ARG',
      'RUN',
      'COPY',
      '--from=',
      '<<E',
      '\\',
      '\n',
      ' ',
      '$',
      '{',
      '}',
      '"',
      'a',
      '=',
      '#',
      ':',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), (parts) => {
        const { bases: found, problems: mistakes } = readDockerfile(parts.join(''), given);
        expect(found.length + mistakes.length).toBeGreaterThanOrEqual(0);
        for (const { line } of [...found, ...mistakes]) expect(line).toBeGreaterThan(0);
      }),
    );
  });
});
