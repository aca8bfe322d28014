#include "pipelines/step_registry.h"

#include "core/assert.h"
#include "core/file.h"
#include "core/sha256.h"

namespace tenure::pipelines {

void StepRegistry::add(std::string name, std::string description, Step step) {
  TENURE_ASSERT(find(name) == nullptr);
  entries_.push_back({std::move(name), std::move(description), std::move(step)});
}

const Step* StepRegistry::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.name == name) return &entry.step;
  return nullptr;
}

core::Result<FileRecord> record_file(const std::filesystem::path& file,
                                     const std::filesystem::path& base) {
  auto digest = core::sha256_file(file);
  if (!digest) return std::move(digest).error();
  std::error_code status;
  const auto size = std::filesystem::file_size(file, status);
  if (status) return core::system_error(status.value(), "cannot read", file);
  const auto absolute = std::filesystem::absolute(file, status).lexically_normal();
  const auto root = std::filesystem::absolute(base, status).lexically_normal();
  const auto relative = absolute.lexically_relative(root);
  const bool is_inside = !relative.empty() && *relative.begin() != "..";
  return FileRecord{(is_inside ? relative : absolute).string(), *std::move(digest), size};
}

}  // namespace tenure::pipelines
