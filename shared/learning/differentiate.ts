/**
 * Reverse-mode differentiation (Griewank, Walther 2008, §3.2): from gradients of some values of a graph to the
 * gradients of others, as new nodes of the same graph.
 */
import { GraphError, InvariantError } from '../errors.ts';
import { describeNode } from './graph/attributes.ts';
import { constantInts, type GraphBuilder } from './graph/builder.ts';
import type { Node } from './graph/types.ts';
import type { GradientContext, Operator } from './ops/operator.ts';
import { findOperator } from './ops/registry.ts';

/** Which values depend on at least one of `sources`. */
function dependents(nodes: readonly Node[], sources: readonly string[]): ReadonlySet<string> {
  const reached = new Set(sources);
  for (const node of nodes) {
    if (node.inputs.some((name) => reached.has(name))) for (const output of node.outputs) reached.add(output);
  }
  return reached;
}

export function operatorOf(node: Node): Operator {
  const operator = findOperator(node.domain, node.op);
  if (operator === undefined) throw new InvariantError(`${describeNode(node)} is unknown.`);
  return operator;
}

export function gradientContext(
  build: GraphBuilder,
  node: Node,
  outputGradients: readonly (string | undefined)[],
  wanted: ReadonlySet<string>,
): GradientContext {
  const input = (index: number): string => {
    const name = node.inputs[index];
    if (name === undefined || name === '') {
      throw new GraphError(`Input ${String(index)} of ${describeNode(node)} is missing.`);
    }
    return name;
  };
  const [first] = outputGradients;
  if (first === undefined) throw new InvariantError(`${describeNode(node)} has no gradient to pass on.`);
  return {
    node,
    build,
    outputGradients,
    outputGradient: first,
    input,
    needs: (index) => wanted.has(node.inputs[index] ?? ''),
    type: (name) => build.typeOf(name),
    constantInts: (index) => constantInts(node, index, (name) => build.constant(name)),
  };
}

/** How the gradients of a node's inputs are made; undefined entries have none. */
export type GradientRule = (context: GradientContext, operator: Operator) => readonly (string | undefined)[];

const defaultRule: GradientRule = (context, operator) => {
  if (operator.gradient === undefined) throw new GraphError(`${describeNode(context.node)} has no gradient.`);
  return operator.gradient(context);
};

/**
 * Adds the nodes that compute the gradients of `targets` and returns their names.
 * @param seeds value → its gradient, which is given
 * @throws GraphError when a node between a seed and a target is not differentiable
 */
export function gradientsOf(
  build: GraphBuilder,
  seeds: ReadonlyMap<string, string>,
  targets: readonly string[],
  rule: GradientRule = defaultRule,
): ReadonlyMap<string, string> {
  const nodes = [...build.nodes];
  const wanted = dependents(nodes, targets);
  const contributions = new Map<string, string[]>();
  for (const [value, gradient] of seeds) contributions.set(value, [gradient]);
  const gradientOf = (value: string): string | undefined => {
    const parts = contributions.get(value);
    if (parts === undefined) return undefined;
    const [first, ...rest] = parts;
    if (first === undefined) return undefined;
    const sum = rest.reduce((total, part) => build.op('Add', [total, part]), first);
    contributions.set(value, [sum]);
    return sum;
  };
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    const outputGradients = node.outputs.map(gradientOf);
    if (outputGradients[0] === undefined) continue;
    const inputs = rule(gradientContext(build, node, outputGradients, wanted), operatorOf(node));
    inputs.forEach((gradient, index) => {
      const name = node.inputs[index] ?? '';
      if (gradient === undefined || !wanted.has(name)) return;
      contributions.set(name, [...(contributions.get(name) ?? []), gradient]);
    });
  }
  const result = new Map<string, string>();
  for (const target of targets) {
    const gradient = gradientOf(target);
    if (gradient !== undefined) result.set(target, gradient);
  }
  return result;
}
