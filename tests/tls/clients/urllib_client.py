import json
from urllib.request import Request, urlopen

body = json.dumps({"test_result_ids": [1, 999]}).encode()
headers = {"X-API-Key": "key", "Content-Type": "application/json"}
with urlopen(Request("https://api.getbluejay.ai/v1/end-conversations", body, headers)) as response:
    print(response.read().decode())
