#include <string>
#include <utility>

#include <fmt/core.h>

#include "core/file.h"
#include "data/telco_timeline.h"

namespace tenure::data {

core::Result<> write_telco_timeline(Engine& engine, const TelcoTimeline& timeline,
                                    const std::filesystem::path& folder) {
  if (auto made = core::make_directories(folder); !made) return made;
  const std::pair<std::string_view, const Table*> parts[] = {{"snapshots", &timeline.snapshots},
                                                             {"labels", &timeline.labels},
                                                             {"events", &timeline.events}};
  for (const auto& [name, table] : parts) {
    if (table->row_count() == 0) continue;
    const std::string scratch = fmt::format("telco_timeline_{}", name);
    const std::filesystem::path target = folder / fmt::format("{}.parquet", name);
    const std::filesystem::path unfinished = folder / fmt::format("{}.parquet.tmp", name);
    if (auto made = engine.create_table(scratch, *table); !made) return made;
    auto copied =
        engine.execute(fmt::format("COPY {} TO {} (FORMAT parquet, COMPRESSION zstd)",
                                   quote_identifier(scratch), quote_text(unfinished.string())));
    auto dropped = engine.execute(fmt::format("DROP TABLE {}", quote_identifier(scratch)));
    if (!copied) return copied;
    if (!dropped) return dropped;
    std::error_code error;
    std::filesystem::rename(unfinished, target, error);
    if (error) return core::system_error(error.value(), "cannot write", target);
  }
  return {};
}

}  // namespace tenure::data
