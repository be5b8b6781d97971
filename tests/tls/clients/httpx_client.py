import httpx

URL = "https://api.getbluejay.ai/v1/end-conversations"
print(httpx.post(URL, json={"test_result_ids": [1, 999]}, headers={"X-API-Key": "key"}).text)
