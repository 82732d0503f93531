/* Empty: opcache includes it, and uses nothing of it. */
