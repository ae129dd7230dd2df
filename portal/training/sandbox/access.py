"""May this signer do this operation on this bucket? IAM and bucket policy, both.

    project     := after "@" in the access key, else the key's default project
    same project:= the bucket's project is that project
    IAM         := some rule of the application covers the project and contains the permission
    no policy   := IAM decides;   policy := IAM and some statement that allows
    anonymous   := only by a policy for everyone, or a public ACL
Source: Scaleway, "Combining IAM and Object Storage permissions".
"""

from dataclasses import dataclass

from portal.training.sandbox import bucket_policy, conditions, permissions
from portal.training.sandbox.operations import Operation
from portal.training.sandbox.propagation import Propagation
from portal.training.sandbox.resources import ApiKey, Bucket
from portal.training.sandbox.sigv4 import Claim
from portal.training.sandbox.state import State, View


@dataclass(frozen=True)
class Signer:
    """A verified signer: its key and the project it acts in. Anonymous: None instead."""

    api_key: ApiKey
    project_id: str


class Access:
    def __init__(self, state: State, propagation: Propagation) -> None:
        self.state, self.propagation = state, propagation

    def find_key(self, claim: Claim) -> ApiKey | None:
        """The key named by a request, even deleted if its deletion is still travelling."""
        for view in self.propagation.known_views():
            key = view.api_keys.get(claim.access_key)
            if key is not None:
                return key
        return None

    def may(
        self,
        signer: Signer | None,
        operation: Operation,
        *,
        bucket: Bucket | None,
        key: str,
        facts: bucket_policy.Facts,
        user_agent: str = "",
    ) -> bool:
        """`bucket` is None for what has no bucket yet (creation, list of buckets)."""
        if signer is None:
            return bucket is not None and self._anonymous(operation, bucket, key, facts)
        if bucket is not None and bucket.project_id != signer.project_id:
            return False
        iam_facts = conditions.Facts(facts.source_ip, facts.time, user_agent)

        def iam(view: View) -> bool:
            return self._iam(view, signer, operation, iam_facts)

        if not self.propagation.settled(iam):
            return False
        if bucket is None or bucket.policy is None or operation.action is None:
            return True
        principal = f"application_id:{signer.api_key.application_id}"
        return self._policy(principal, operation, bucket, key, facts)

    def _iam(
        self, view: View, signer: Signer, operation: Operation, facts: conditions.Facts
    ) -> bool:
        key = view.api_keys.get(signer.api_key.access_key)
        if key is None or (key.expires_at is not None and key.expires_at <= facts.time):
            return False
        if signer.project_id not in view.projects:
            return False
        return permissions.allowed(
            view,
            key.application_id,
            operation.permission,
            project_id=signer.project_id,
            facts=facts,
        )

    def _policy(
        self,
        principal: str | None,
        operation: Operation,
        bucket: Bucket,
        key: str,
        facts: bucket_policy.Facts,
    ) -> bool:
        resource = f"{bucket.name}/{key}" if key else bucket.name
        return bucket_policy.allows(
            bucket.policy or "",
            principal=principal,
            action=operation.action or "",
            resource=resource,
            facts=facts,
        )

    def _anonymous(
        self, operation: Operation, bucket: Bucket, key: str, facts: bucket_policy.Facts
    ) -> bool:
        if operation.action is None:
            return False
        if bucket.policy is not None:
            return self._policy(None, operation, bucket, key, facts)
        listing = operation.action == "s3:ListBucket"
        return listing and bucket.acl in ("public-read", "public-read-write")
