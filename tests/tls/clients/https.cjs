const https = require("node:https");
const headers = { "X-API-Key": "key", "Content-Type": "application/json" };
const request = https.request("https://api.getbluejay.ai/v1/end-conversations", { method: "POST", headers }, (response) =>
  response.pipe(process.stdout),
);
request.end(JSON.stringify({ test_result_ids: [1, 999] }));
