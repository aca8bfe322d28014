#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "api/mlflow/mlflow_services.h"
#include "core/result.h"
#include "net/http_message.h"
#include "net/router.h"
#include "storage/objects/object_store.h"
#include "tracking/artifacts.h"

namespace tenure::api::mlflow {

/// Sends the object at `place` as a file to keep: whole, in part or not at all, as the request's
/// conditions say (net/byte_range.h). Memory does not depend on its size. Without such an object:
/// RESOURCE_DOES_NOT_EXIST with the text `missing`.
void answer_file(const net::Request& in, net::Response& out, const tracking::ArtifactPlace& place,
                 std::string_view missing);

/// Takes the body of a request into an object, which appears once the handler calls commit().
class ArtifactSink final : public net::BodySink {
 public:
  /// More than `size_max` bytes are refused with `too_large`, which is static text.
  explicit ArtifactSink(std::unique_ptr<storage::ObjectWriter> writer,
                        std::uint64_t size_max = std::numeric_limits<std::uint64_t>::max(),
                        std::string_view too_large = {})
      : writer_(std::move(writer)), size_max_(size_max), too_large_(too_large) {}

  core::Result<> write(std::string_view bytes) override;
  core::Result<> commit() { return writer_->commit(); }
  std::uint64_t size() const { return size_; }

  /// What Route::open_body made for this request. Errors: kInternal without one.
  static core::Result<ArtifactSink*> of(const net::Request& request);

 private:
  std::unique_ptr<storage::ObjectWriter> writer_;
  std::uint64_t size_max_;
  std::string_view too_large_;
  std::uint64_t size_ = 0;
};

/// A sink for the object at `place`. Errors: those of ObjectStore::create and announce_size.
core::Result<std::unique_ptr<net::BodySink>> open_artifact_sink(
    const tracking::ArtifactPlace& place, const net::Request& request);

/// Tells the writer how long the body of this request is, if its head does. Errors: those of
/// ObjectWriter::expect.
core::Result<> announce_size(storage::ObjectWriter& writer, const net::Request& request);

/// {"files": [...]} of one folder, as text. `shown_folder` leads the paths: "" gives names alone.
/// `root_uri` is told when it is not empty. Nothing below gives {} or the root alone.
core::Result<std::string> listing_json(const tracking::ArtifactPlace& place,
                                       std::string_view shown_folder, std::string_view root_uri);

/// Where a run keeps its artifacts. Errors: kNotFound.
core::Result<std::string> uri_of_run(const MlflowServices& services, const std::string& id);

}  // namespace tenure::api::mlflow
