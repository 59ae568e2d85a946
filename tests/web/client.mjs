// Lists a thread in both orders and retrieves each run, with the SDK for Node.js: prints what it was given as JSON.
import OpenAI from "openai";

const [baseURL, apiKey, thread] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const found = { asc: [], desc: [], retrieved: [] };
for (const order of ["asc", "desc"]) {
  for await (const run of client.beta.threads.runs.list(thread, { order, limit: 7 })) found[order].push(run);
}
for (const run of found.asc) {
  found.retrieved.push(await client.beta.threads.runs.retrieve(run.id, { thread_id: thread }));
}
try {
  await client.beta.threads.messages.list(thread);
} catch (error) {
  found.refused = [error.status, error.code];
}
console.log(JSON.stringify(found));
