#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/assert.h"
#include "core/clock.h"
#include "storage/sql/database.h"
#include "storage/testing/temporary_folder.h"
#include "storage/testing/test_database.h"
#include "tracking/experiments.h"
#include "tracking/registry.h"

namespace tenure::tracking {

/// For tests: a registry over a temporary SQLite database; a base of their fixtures.
class RegistryWorld {
 protected:
  static constexpr core::Micros kNow = 1'700'000'000'000'000;
  static constexpr std::int64_t kNowMs = kNow / 1000;

  RegistryWorld() {
    database_ = storage::testing::open_test_database(folder_.path());
    TENURE_ASSERT(prepare_schema(*database_, kNow));
    use_policy({});
  }
  void use_policy(ApprovalPolicy policy) {
    registry_ = std::make_unique<Registry>(*database_, clock_, std::move(policy));
  }
  void make_versions(int count, std::string_view name = "m") {
    TENURE_ASSERT(registry_->create_model_if_missing(name, change_));
    for (int i = 0; i < count; ++i)
      TENURE_ASSERT(registry_->create_version(name, "s3://b/m", "", {}, change_));
  }
  static Change by(std::string actor, std::string reason = "why not") {
    return {std::move(actor), std::move(reason), nullptr};
  }
  /// A cell of the only row of a query, as text.
  std::string cell(std::string_view sql) {
    auto rows = database_->query(sql);
    if (!rows) return rows.error().message;
    return rows->empty() ? "no row" : rows->front().text_or(0, "null");
  }

  storage::testing::TemporaryFolder folder_;
  core::ManualClock clock_{kNow};
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Registry> registry_;
  Change change_{"ann", "better", nullptr};
};

}  // namespace tenure::tracking
