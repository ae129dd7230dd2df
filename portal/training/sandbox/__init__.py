"""A local Scaleway: projects, IAM and Object Storage, for demo, training and tests.

Started by `manage.py sandbox --root DIR`, reached by URL like the real service (its addresses and
the portal's key are in `DIR/env`), imported by nothing else of the portal.

    control.py   the API: account, iam, credentials, policies, organization
    s3_face.py   the S3 face: sigv4 and payload, access (IAM and bucket_policy), bucket_config
    moto_store   objects in memory with snapshots; rgw_*: objects in a real Ceph gateway
    admin.py     with `--admin-token`, on the API's port, header `x-sandbox-token`:
        POST /sandbox/clock         {"offset": s, "signature_offset": s}
        POST /sandbox/faults        {"faults": [{"effect": …, "face", "method", "path", "times",
                                     "every", "seconds", "status", "body"}], "clear": bool}
                                    effects: rate_limit, unavailable, forbidden, lost, lost_before,
                                    slow, status
        POST /sandbox/propagation   {"grant_delay": s, "revoke_delay": s, "flapping": bool}
        POST /sandbox/quotas        {"quotas": {name: limit}}
        POST /sandbox/reset         back to the first day, same portal key
        GET  /sandbox/state         what it holds, without a secret

Not served: users, SSH keys, every other product; CEL on `resource.…`; SSE-C and the running of
lifecycle rules on the embedded store.
"""
