"""Jobs of S3 Batch Operations through boto3: one operation on each object of a manifest.

Source: Amazon S3 API reference, CreateJob and DescribeJob.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bagfill.storage.batch_jobs import JobLook, JobState
from bagfill.storage.batch_rules import BatchRules
from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3_client import aws_client, boto3_session, usable
from bagfill.storage.s3_errors import translated

_ENDS = {"Complete": JobState.COMPLETE, "Failed": JobState.FAILED, "Cancelled": JobState.FAILED}


class S3BatchJobs:
    """Creates jobs and looks at them.

    Args:
        rules: account, role and place.
        access: of the identity that creates jobs.
        location: name of the location, for messages.
        limits: bounds of single requests.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(
        self, rules: BatchRules, access: S3Access, *, location: str, limits: RequestLimits | None = None
    ) -> None:
        self._rules = rules
        self._location = location
        with usable(location):
            self._client: Any = aws_client("s3control", boto3_session(access), access, limits or RequestLimits())

    def create(self, token: str, operation: Mapping[str, Any], manifest_key: str, etag: str, report: str) -> str:
        """Create a job that begins by itself, and return its id.

        Args:
            token: the same token creates the same job, once.
            operation: of :mod:`bagfill.storage.batch_jobs`.
            manifest_key, etag: of the manifest in the rules' bucket.
            report: folder of the report there, without a slash at its end.

        Raises:
            StoreError: not created.
        """
        # The bucket is in the role's partition: aws, aws-cn, aws-us-gov.
        partition = self._rules.role.split(":")[1]
        arn = f"arn:{partition}:s3:::{self._rules.bucket}"
        with translated(location=self._location, key=manifest_key, operation="create batch job"):
            answer = self._client.create_job(
                AccountId=self._rules.account,
                ConfirmationRequired=False,
                ClientRequestToken=token,
                Operation=dict(operation),
                Manifest={
                    "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
                    "Location": {"ObjectArn": f"{arn}/{manifest_key}", "ETag": etag},
                },
                Report={
                    "Bucket": arn,
                    "Prefix": report,
                    "Format": "Report_CSV_20180820",
                    "Enabled": True,
                    "ReportScope": "AllTasks",
                },
                Priority=10,
                RoleArn=self._rules.role,
                Description="Bagfill",
            )
        return str(answer["JobId"])

    def look(self, job: str) -> JobLook:
        """How far a job is. Raises StoreError."""
        with translated(location=self._location, key=job, operation="look at batch job"):
            found = self._client.describe_job(AccountId=self._rules.account, JobId=job)["Job"]
        progress = found.get("ProgressSummary", {})
        done = progress.get("NumberOfTasksSucceeded", 0) + progress.get("NumberOfTasksFailed", 0)
        codes = tuple(str(reason.get("FailureCode", "")) for reason in found.get("FailureReasons", []))
        state = _ENDS.get(found.get("Status", ""), JobState.RUNNING)
        return JobLook(state, progress.get("TotalNumberOfTasks", 0), done, codes)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
