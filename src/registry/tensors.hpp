#pragma once
#include <list>
#include <mutex>

#include "registry/analysis/ports.hpp"
#include "registry/service.hpp"

namespace modelops::registry {

/// The tensors of a version's files, read from their headers when somebody asks. Contents do not change, so what was
/// read is kept for a while.
class Tensors {
 public:
  Tensors(db::Database& database, Service& registry, TensorReader& reader)
      : database_(database), registry_(registry), reader_(reader) {}

  TensorPage list(const Context& ctx, const ListTensors& request);

 private:
  using List = std::shared_ptr<const std::vector<Tensor>>;
  struct Kept {
    std::string org_id;
    std::string sha256;
    List tensors;
  };
  List read(const std::string& org_id, const FileEntry& file);

  db::Database& database_;
  Service& registry_;
  TensorReader& reader_;
  std::mutex mutex_;
  std::list<Kept> kept_;  // the last used first; guarded by mutex_
  std::size_t kept_tensors_ = 0;
};

}  // namespace modelops::registry
