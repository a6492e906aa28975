"""What the workflows in .github/ run: discovery for their matrices, and the comment on a pull request."""
