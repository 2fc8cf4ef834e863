/** Secrets of other systems, by how they begin: who pasted one here should know what it is. */

interface OtherSystem {
  readonly start: RegExp;
  readonly name: string;
}

/** From the public descriptions of those systems. What is more exact comes first. */
const systems: readonly OtherSystem[] = [
  { start: /^github_pat_[A-Za-z0-9]{22}_/, name: 'a fine-grained personal access token of GitHub' },
  { start: /^gh[pousr]_[A-Za-z0-9]{20}/, name: 'a token of GitHub' },
  { start: /^gl(?:pat|dt|rt|cbt|ptt|ft|agent|soat)-[\w-]{16}/, name: 'a token of GitLab' },
  { start: /^[spr]k_(?:live|test)_[A-Za-z0-9]{16}/, name: 'an API key of Stripe' },
  { start: /^whsec_[A-Za-z0-9+/=]{16}/, name: 'a secret for signing webhooks' },
  { start: /^xox[abeoprs]-/, name: 'a token of Slack' },
  { start: /^xapp-[0-9]-/, name: 'an app token of Slack' },
  { start: /^(?:AKIA|ASIA)[A-Z2-7]{16}$/, name: 'the id of an access key of AWS' },
  { start: /^AIza[\w-]{35}$/, name: 'an API key of Google' },
  { start: /^ya29\.[\w-]{16}/, name: 'an access token of Google' },
  { start: /^npm_[A-Za-z0-9]{36}$/, name: 'a token of npm' },
  { start: /^pypi-AgEI[\w-]{16}/, name: 'a token of PyPI' },
  { start: /^sk-ant-[\w-]{16}/, name: 'an API key of Anthropic' },
  { start: /^sk-(?:proj-|svcacct-)?[\w-]{20}/, name: 'an API key of OpenAI, or of a system that copies its form' },
  { start: /^SG\.[\w-]{22}\.[\w-]{43}$/, name: 'an API key of SendGrid' },
  { start: /^hv[sbr]\.[\w-]{20}/, name: 'a token of Vault' },
  { start: /^dop_v1_[0-9a-f]{64}$/, name: 'a token of DigitalOcean' },
  { start: /^shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}$/, name: 'a token of Shopify' },
  { start: /^dckr_pat_[\w-]{20}/, name: 'a token of Docker' },
  { start: /^hf_[A-Za-z0-9]{30}/, name: 'a token of Hugging Face' },
  { start: /^v[1-4]\.(?:local|public)\.[\w-]+/, name: 'a token in the form of PASETO' },
];

/** Undefined: of none that is known here. */
export function otherSystem(text: string): string | undefined {
  return systems.find(({ start }) => start.test(text))?.name;
}
