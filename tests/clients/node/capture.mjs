// What a Node.js service does with the SDK. Arguments: host, project token.
import { PostHog } from 'posthog-node'

const [host, token] = process.argv.slice(2)
const client = new PostHog(token, { host, flushAt: 20 })
client.on('error', (error) => {
    console.error(error)
    process.exitCode = 1
})
client.capture({
    distinctId: 'a',
    event: 'A',
    properties: { x: 1 },
    timestamp: new Date('2024-01-10T10:00:00.250Z'),
    uuid: '018cf2c0-0000-7000-8000-00000000000a',
})
client.identify({ distinctId: 'u', properties: { $set: { plan: 'pro' }, $anon_distinct_id: 'a' } })
client.alias({ distinctId: 'u', alias: 'other name' })
client.groupIdentify({ groupType: 'org', groupKey: 'acme', properties: { size: 5 }, distinctId: 'u' })
client.capture({ distinctId: 'u', event: 'B', groups: { org: 'acme' } })
await client.shutdown()
