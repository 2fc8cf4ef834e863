/** `tessera completion`: the script that lets a shell complete commands and options. */
import { script } from '@bomb.sh/tab';
import { Argument, type Command } from 'commander';
import { withExamples } from '../examples.ts';

export function defineCompletion(command: Command): void {
  command
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish', 'powershell']))
    .action((shell: string) => script(shell, 'tessera', 'tessera'));
  withExamples(command, [
    'source <(tessera completion bash)',
    'tessera completion zsh > ~/.zfunc/_tessera',
    'tessera completion fish > ~/.config/fish/completions/tessera.fish',
  ]);
}
