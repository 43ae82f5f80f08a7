"""A developer's calls over supabase-py: reads the project from stdin, and prints the result."""

import json
import re
import sys

from httpx import __version__ as httpx_version
from postgrest import APIError
from supabase import AuthApiError, FunctionsHttpError, create_client
from supabase import __version__ as version

start = json.load(sys.stdin)
supabase = create_client(start["url"], start["publishableKey"])
keys = "api/v1/proxy/keys"


def invoke(path, method="POST", **options):
    return json.loads(supabase.functions.invoke(path, {"method": method, **options}) or "null")


def refused(call):
    """The error that the client raises."""
    try:
        call()
    except AuthApiError as error:
        return {"name": "AuthApiError", "status": error.status, "code": error.code}
    except APIError as error:
        return {"name": "APIError", "code": error.code, "hint": error.hint}
    except FunctionsHttpError as error:
        # the error only has the status, and its cause has the answer
        problem = error.__cause__.response.json()
        return {"name": "FunctionsHttpError", "status": error.status, "code": problem["code"]}
    return None


def sign_in(password):
    return supabase.auth.sign_in_with_password({"email": start["email"], "password": password})


wrong = refused(lambda: sign_in("wrong"))
sign_in(start["password"])

minted = supabase.rpc("mint_proxy_key", {"label": "by rpc"}).execute().data
invoked = invoke(keys, body={"label": "by invoke"})["key"]
view = supabase.table("proxy_key_summaries").select("label").order("label").execute().data
listed = invoke(keys, "GET")
rotated = supabase.rpc("rotate_proxy_key", {"id": minted["id"]}).execute().data
rotated_again = invoke(f"{keys}/{minted['id']}/rotate")["key"]
usage = supabase.rpc("proxy_usage_summary").execute().data
usage_invoked = invoke("api/v1/proxy/usage", "GET")
invoke(f"{keys}/{minted['id']}", "DELETE")

rpc_refusal = refused(lambda: supabase.rpc("rotate_proxy_key", {"id": minted["id"]}).execute())
refusal = refused(lambda: invoke(f"{keys}/{minted['id']}/rotate"))
field_refusal = refused(lambda: invoke(keys, body={"label": ""}))

supabase.auth.sign_out()
late = refused(lambda: supabase.rpc("mint_proxy_key", {"label": "late"}).execute())
late_invoked = refused(lambda: invoke(keys, "GET"))

print(
    json.dumps(
        {
            "versions": {"supabase": version, "httpx": httpx_version},
            "wrongPassword": wrong,
            "secrets": [
                bool(re.fullmatch(r"[0-9a-f]{64}", key["secret"]))
                for key in (minted, invoked, rotated, rotated_again)
            ],
            "labels": [row["label"] for row in view],
            "listed": len(listed),
            "usage": usage["total_requests"],
            "usageInvoked": usage_invoked["totalRequests"],
            "rpcRefusal": rpc_refusal,
            "refusal": refusal,
            "fieldRefusal": field_refusal,
            "late": late,
            "lateInvoked": late_invoked,
        }
    )
)
