#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "storage/objects/s3_signer.h"

namespace tenure::storage {

/// A bucket, the server that has it, and how to talk to it.
struct S3Options {
  std::string bucket;
  std::string prefix;    ///< what all keys lie below; without a '/' at its end, "" = the bucket
  std::string endpoint;  ///< http://host[:port] or https://host[:port]
  std::string region = "us-east-1";
  bool is_path_style = true;  ///< the bucket stands in the path, else it leads the host's name
  S3Credentials credentials = {};
  std::string ca_file = {};  ///< PEM certificates to trust; "" = the system's

  int attempts = 3;
  int connect_seconds = 10;
  int stalled_seconds = 30;  ///< a transfer without a byte for so long is given up
  std::size_t part_bytes = std::size_t{8} << 20;   ///< of an upload in parts; S3 takes 5 MiB and up
  std::size_t block_bytes = std::size_t{4} << 20;  ///< what one request of a reader fetches
  std::function<void(core::Micros)> wait = {};     ///< between attempts; empty = sleeps
};

/// The value of an environment variable; nothing when it is not set.
using ReadVariable = std::function<std::optional<std::string>(const char* name)>;

/// Variables of this process; empty ones count as not set.
std::optional<std::string> process_variable(const char* name);

/// Reads s3://bucket[/prefix][?endpoint=http://host:port&region=...&path_style=true]. What the URL
/// does not say comes from the variables of AWS's and MLflow's tools: MLFLOW_S3_ENDPOINT_URL,
/// AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_CA_BUNDLE.
/// Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else from
/// the profile of AWS's files (aws_profile.h), which may tell the region, too.
/// Errors: kInvalidArgument, naming what is wrong or missing, never a secret.
core::Result<S3Options> read_s3_options(std::string_view url, const ReadVariable& variable);

}  // namespace tenure::storage
