const response = await fetch("https://api.getbluejay.ai/v1/end-conversations", {
  method: "POST",
  headers: { "X-API-Key": "key", "Content-Type": "application/json" },
  body: JSON.stringify({ test_result_ids: [1, 999] }),
});
console.log(await response.text());
