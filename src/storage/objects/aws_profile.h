#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "storage/objects/s3_options.h"

namespace tenure::storage {

/// What the files of AWS's tools say of one profile.
struct AwsProfile {
  std::string name;
  std::string credentials_file;  ///< where it was looked for first; "" = no home is known
  std::optional<S3Credentials> credentials = {};
  std::optional<std::string> region = {};
};

/// Reads the profile AWS_PROFILE (AWS_DEFAULT_PROFILE, else "default") in
/// AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials) and then in AWS_CONFIG_FILE (~/.aws/config), as
/// boto3 does: keys and region of the first file that has them. Roles, SSO and programs that give
/// credentials are not followed. Errors: kInvalidArgument for a profile that was asked for by name
/// and is in neither file, or that has half of a key; kPermissionDenied; kResourceExhausted for a
/// file above 1 MiB.
core::Result<AwsProfile> read_aws_profile(const ReadVariable& variable);

}  // namespace tenure::storage
