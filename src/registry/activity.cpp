#include "registry/activity.hpp"

#include "registry/store.hpp"

namespace modelops::registry {
namespace {

// Together with their approvals within what the audit log looks through at once.
constexpr std::int64_t versions_max = 250;
constexpr std::int64_t uses_max = 200;

/// The version that an approval was about.
std::string approved_version(const audit::SubjectAct& act) {
  const auto* data = act.data ? act.data->if_object() : nullptr;
  const auto* subject = data == nullptr ? nullptr : data->if_contains("subject_id");
  return subject != nullptr && subject->is_string() ? std::string(subject->as_string()) : std::string();
}

}  // namespace

ModelActivityPage Activity::list(const Context& ctx, const ListModelActivity& request) {
  return database_.read([&](db::Tx& tx) {
    const Model model = registry_.model(tx, ctx, request.model);
    if (model.org_id.str() != ctx.org_id)
      fail(ErrorCode::forbidden, "This model belongs to another organization: what is done to it is told there.");
    std::map<std::string, std::int64_t> numbers;
    std::vector<std::string> subjects;
    for (const VersionRow& row : store::newest_versions(tx, model, versions_max)) {
      numbers.emplace(row.id.str(), row.version);
      subjects.push_back(row.id.str());
    }
    const auto append = [&](const std::vector<std::string>& ids) {
      subjects.insert(subjects.end(), ids.begin(), ids.end());
    };
    append(evidence_.approvals_of(tx, ctx.org_id, "model_version", subjects));
    subjects.push_back(model.id.str());
    for (UsageReport* report : usage_) append(report->seen_uses_of(tx, ctx, model.id, uses_max));

    audit::SubjectActPage acts = audit_.acts_on(tx, ctx.org_id, subjects, request.page_size, request.page_token);
    ModelActivityPage out;
    out.next_page_token = std::move(acts.next_page_token);
    for (audit::SubjectAct& act : acts.items) {
      const auto number = numbers.find(act.subject_kind == "approval" ? approved_version(act) : act.subject_id);
      out.items.push_back({act.id, act.time, act.actor_kind, std::move(act.actor_id), std::move(act.action),
                           std::move(act.subject_kind), std::move(act.subject_id),
                           number == numbers.end() ? std::nullopt : std::optional(number->second),
                           std::move(act.data)});
    }
    return out;
  });
}

}  // namespace modelops::registry
