/** `consilium coordinator user`: the people who may use the coordinator's API and console. */
import { Command } from 'commander';
import { Passwords } from '../../coordinator/people/password.ts';
import { COMMAND_LINE } from '../../coordinator/storage/administration.ts';
import { ROLES, type Role } from '../../coordinator/storage/tables.ts';
import { roleSchema, userNameSchema, type UserName } from '../../coordinator/storage/user-store.ts';
import { InputError } from '../../shared/errors.ts';
import { acting, say } from './command-forms.ts';
import { coordinatorSubcommand as command, withStores, type Common } from './coordinator-stores.ts';
import { readPassword } from './password-input.ts';
import { printTable } from './text-table.ts';

const ROLE_LIST = ROLES.join(', ');

function nameOf(text: string): UserName {
  const name = userNameSchema.safeParse(text);
  if (!name.success)
    throw new InputError(`"${text}" is no name of a user: ${name.error.issues[0]?.message ?? ''}`);
  return name.data;
}

function roleOf(text: string): Role {
  const role = roleSchema.safeParse(text);
  if (!role.success) throw new InputError(`"${text}" is no role: use one of ${ROLE_LIST}`);
  return role.data;
}

/** Read, checked and hashed before anything is changed. */
async function newPassword(): Promise<string> {
  const password = await readPassword(process.stdin, (text) => process.stderr.write(text));
  process.stdin.destroy();
  return new Passwords().hash(password);
}

export function userCommand(): Command {
  const group = new Command('user').description('who may log in to the console and the API');
  group.addCommand(
    command('add', 'add a user; the password is asked for, or read from standard input')
      .argument('<name>', 'a–z, 0–9 and . _ -')
      .option('--role <role>', ROLE_LIST, 'administrator')
      .action(
        acting(async (text: string, options: Common & { role: string }) => {
          const [name, role] = [nameOf(text), roleOf(options.role)];
          const password = await newPassword();
          await withStores(options.dir, ({ administration }) =>
            administration.addUser(COMMAND_LINE, { name, role, password }),
          );
          say(`${name} may log in as ${role}`);
        }),
      ),
  );
  group.addCommand(
    command('list', 'all users')
      .option('--json', 'as JSON')
      .action(
        acting((options: Common) =>
          withStores(options.dir, async ({ users }) => {
            const rows = (await users.list()).map(({ name, role, createdAt }) => ({
              ...{ user: name, role, added: createdAt },
            }));
            printTable(rows, options);
          }),
        ),
      ),
  );
  group.addCommand(
    command('remove', 'take a user’s login away; sessions end at once')
      .argument('<name>')
      .action(
        acting((text: string, options: Common) =>
          withStores(options.dir, async ({ administration }) => {
            const name = nameOf(text);
            await administration.removeUser(COMMAND_LINE, name);
            say(`${name} is removed`);
          }),
        ),
      ),
  );
  group.addCommand(
    command('role', 'give a user another role; sessions end at once')
      .argument('<name>')
      .argument('<role>', ROLE_LIST)
      .action(
        acting((text: string, roleText: string, options: Common) =>
          withStores(options.dir, async ({ administration }) => {
            const [name, role] = [nameOf(text), roleOf(roleText)];
            await administration.setRole(COMMAND_LINE, name, role);
            say(`${name} is ${role}`);
          }),
        ),
      ),
  );
  group.addCommand(
    command('password', 'give a user another password; sessions end at once')
      .argument('<name>')
      .action(
        acting(async (text: string, options: Common) => {
          const name = nameOf(text);
          const password = await newPassword();
          await withStores(options.dir, ({ administration }) =>
            administration.setPassword(COMMAND_LINE, name, password),
          );
          say(`${name} has another password`);
        }),
      ),
  );
  return group;
}
