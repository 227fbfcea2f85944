"""What people look at: figures and one HTML file."""
