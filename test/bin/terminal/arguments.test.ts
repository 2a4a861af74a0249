import { cac } from 'cac';
import { describe, expect, it } from 'vitest';
import { checkOperands, choiceOf, numberOf, readArguments } from '../../../bin/terminal/arguments.ts';

const cli = cac('jobs');
cli
  .command('run <name>', '')
  .option('--command <text>', '')
  .option('--mem <memory>', '')
  .option('--schedule <schedule>', '')
  .option('--continuous', '')
  .option('--wait [seconds]', '')
  .option('--filelog', '')
  .option('--no-filelog', '')
  .option('-o, --filelog-stdout <path>', '');
cli.command('list', '').option('-o, --output <form>', '').option('-l, --long', '');
cli.command('images', '').alias('containers');
cli.option('--debug', '').option('--cfg <file>', '').help();

const read = (...words: string[]) => readArguments(words, cli.commands, cli.globalCommand.options);
const optionsOf = (...words: string[]) => Object.fromEntries(read(...words).options);

describe('the words of a command line', () => {
  it.each(['0x10', '1e3', '', '007', 'true', ' 1 ', 'null', '1_000', '-'])(
    'keep the value %j as it was typed',
    (value) => {
      expect(optionsOf('run', 'x', '--command', value, `--mem=${value}`)).toEqual({ command: value, mem: value });
    },
  );

  it.each(['-x foo', '-1h', '--unknown', '-x=--mem'])(
    'take %j behind an option for its value, never for flags or help',
    (value) => {
      expect(optionsOf('run', 'x', '--command', value)).toEqual({ command: value });
    },
  );

  it('keep everything behind the first = of a long option', () => {
    expect(optionsOf('run', 'x', '--command=A=1 ./b --help', '--schedule=* * * * *')).toEqual({
      command: 'A=1 ./b --help',
      schedule: '* * * * *',
    });
    expect(optionsOf('run', 'x', '--command=a\nb')).toEqual({ command: 'a\nb' });
  });

  it('tell what was given from what was not', () => {
    expect(optionsOf('run', 'x')).toEqual({});
    expect(optionsOf('run', 'x', '--no-filelog')).toEqual({ 'no-filelog': '' });
    expect(optionsOf('run', 'x', '--filelog')).toEqual({ filelog: '' });
  });

  it('let the last of a repeated option win, as one value', () => {
    expect(optionsOf('run', 'x', '--mem', '1Gi', '--mem', '2Gi')).toEqual({ mem: '2Gi' });
  });

  it('give --wait only digits for a value', () => {
    expect(read('run', '--wait', 'my-job')).toMatchObject({ operands: ['my-job'] });
    expect(optionsOf('run', '--wait', 'my-job')).toEqual({ wait: '' });
    expect(read('run', '--wait', '60', 'my-job')).toMatchObject({ operands: ['my-job'] });
    expect(optionsOf('run', '--wait', '60', 'my-job')).toEqual({ wait: '60' });
    expect(optionsOf('run', 'my-job', '--wait')).toEqual({ wait: '' });
    expect(optionsOf('run', 'my-job', '--wait=a')).toEqual({ wait: 'a' });
  });

  it('know short names, apart and joined', () => {
    for (const words of [['-o', 'json'], ['-ojson'], ['-o=json'], ['--output', 'json']]) {
      expect(optionsOf('list', ...words)).toEqual({ output: 'json' });
    }
    expect(optionsOf('run', 'x', '-o', 'out.log')).toEqual({ 'filelog-stdout': 'out.log' });
  });

  it('may have global options before and after the command', () => {
    expect(optionsOf('--debug', 'list', '--cfg', 'f')).toEqual({ debug: '', cfg: 'f' });
    expect(read('--help').command).toBeUndefined();
    expect(optionsOf('list', '-h')).toEqual({ help: '' });
  });

  it('are operands behind --', () => {
    expect(read('run', '--', '--debug').operands).toEqual(['--debug']);
  });

  it('know a command by its other name', () => {
    expect(read('containers').command?.name).toBe('images');
  });

  it.each([
    [['lst'], "There is no command 'lst'. Did you mean 'list'?"],
    [['im'], "There is no command 'im'. Did you mean 'images'?"],
    [['xyzzy'], "There is no command 'xyzzy'. --help shows all there are."],
    [['constructor'], "There is no command 'constructor'. --help shows all there are."],
    [[''], "There is no command ''. --help shows all there are."],
    [['run', 'x', '--shedule', '@daily'], "'run' has no option '--shedule'. Did you mean '--schedule'?"],
    [['run', 'x', '--sched=@daily'], "'run' has no option '--sched'. Did you mean '--schedule'?"],
    [['run', 'x', '--command.x', 'y'], "'run' has no option '--command.x'. Did you mean '--command'?"],
    [['list', '-x'], "'list' has no option '-x'. --help shows all there are."],
    [['--debgu'], "There is no option '--debgu'. Did you mean '--debug'?"],
    [['--output', 'json', 'list'], "There is no option '--output'. --help shows all there are."],
    [['run', 'x', '--command'], '--command needs a value.'],
    [
      ['run', 'x', '--command', '--mem', '1Gi'],
      "--command needs a value. If '--mem' is meant, write --command='--mem'.",
    ],
    [['run', 'x', '--command', '-h'], "--command needs a value. If '-h' is meant, write --command='-h'."],
    [['run', 'x', '--continuous=yes'], '--continuous takes no value.'],
  ])('are refused: %j', (words, message) => {
    expect(() => read(...words)).toThrow(expect.objectContaining({ code: 'usage.invalid', message }));
  });

  it.each([
    [['run'], "'run' needs a name."],
    [['run', 'a', 'b', 'c'], "'run' does not know what to do with 'b c'."],
    [['list', 'x'], "'list' does not know what to do with 'x'."],
  ])('have what stands beside the options, and no more: %j', (words, message) => {
    expect(() => checkOperands(read(...words))).toThrow(expect.objectContaining({ code: 'usage.invalid', message }));
  });

  it('hold whole numbers within bounds', () => {
    const wait = (text: string) => numberOf(read('run', `--wait=${text}`), 'wait', 1, 600);
    expect(wait('600')).toBe(600);
    for (const text of ['0', '601', '1e2', '0x1', '-1', '1.5', ' 1', '', '99999999999'])
      expect(() => wait(text)).toThrow('--wait must be a whole number from 1 to 600');
    expect(numberOf(read('run'), 'wait', 1, 600)).toBeUndefined();
  });

  it('hold one of several words, naming the closest', () => {
    const form = (text: string) => choiceOf(read('list', '-o', text), 'output', ['normal', 'long', 'json']);
    expect(form('json')).toBe('json');
    expect(() => form('jsno')).toThrow(
      "--output must be one of normal, long, json; 'jsno' is not. Did you mean 'json'?",
    );
    expect(() => form('toString')).toThrow('must be one of');
  });
});
