curl -sS https://api.getbluejay.ai/v1/end-conversations \
  -H 'X-API-Key: key' -H 'Content-Type: application/json' -d '{"test_result_ids": [1, 999]}'
