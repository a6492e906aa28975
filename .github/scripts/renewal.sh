#!/usr/bin/env bash
# Put what has changed in the lock files on a branch, and ask for it by a pull request to dev, unless one is open.
# Needs git, gh, GH_TOKEN and GITHUB_REPOSITORY.
set -euo pipefail

[ $# -eq 2 ] || { echo "Usage: renewal.sh BRANCH TITLE" >&2; exit 2; }
branch=$1 title=$2
if git diff --quiet -- '*.lock'; then
  echo "nothing to renew"
  exit 0
fi
git switch --quiet --force-create "$branch"
git -c user.name="github-actions[bot]" -c user.email="41898282+github-actions[bot]@users.noreply.github.com" \
  commit --quiet --message "$title" -- '*.lock'
gh auth setup-git
git push --quiet --force "${REMOTE:-https://github.com/$GITHUB_REPOSITORY.git}" "HEAD:refs/heads/$branch"
open=$(gh pr list --repo "$GITHUB_REPOSITORY" --head "$branch" --state open --json number --jq length)
[ "$open" != 0 ] || gh pr create --repo "$GITHUB_REPOSITORY" --base dev --head "$branch" --title "$title" \
  --body "By \`make lock\`. Close and reopen this to run CI: GitHub starts no workflow for what its own token pushes."
